version = 1
providers = ["postmark"]
