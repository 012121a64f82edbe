+8613800138000 "张三" calls 505
    0:00.0  ends: nobody was there to answer
