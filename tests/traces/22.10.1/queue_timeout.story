+8613800138000 "张三" calls 601
    0:00.0  waits in q501
    0:05.0  leaves q501 after 5.0 s: timeout
    0:05.0  ends: the queue's time ran out, waited 5.0 s
