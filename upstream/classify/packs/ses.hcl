version = 1
providers = ["ses"]
