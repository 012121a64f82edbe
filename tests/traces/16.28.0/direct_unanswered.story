+8613800138000 "张三" calls 91001
    0:03.0  ends: rang out
