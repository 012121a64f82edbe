+8613800138000 "张三" calls 8104
    0:00.0  waits in keys
    0:00.2  leaves keys after 0.2 s: left
    0:01.1  ends: left the queue by himself, waited 0.2 s
