+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:01.5  leaves q501 after 1.5 s: abandoned
    0:01.5  ends: abandoned, waited 1.5 s
