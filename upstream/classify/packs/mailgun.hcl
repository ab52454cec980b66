version = 1
providers = ["mailgun"]
