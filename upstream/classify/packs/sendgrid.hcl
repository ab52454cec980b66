version = 1
providers = ["sendgrid"]
