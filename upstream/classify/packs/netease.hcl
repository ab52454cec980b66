version = 1
providers = ["netease"]
