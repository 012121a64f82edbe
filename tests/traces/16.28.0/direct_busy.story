+8613800138000 "张三" calls 1001
    0:00.0  ends: busy or declined
