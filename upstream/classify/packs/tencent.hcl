version = 1
providers = ["tencent"]
