version = 1
providers = ["aliyun"]
