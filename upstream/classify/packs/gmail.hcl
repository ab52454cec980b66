version = 1
providers = ["gmail"]
