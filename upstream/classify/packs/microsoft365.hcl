version = 1
providers = ["microsoft365"]
