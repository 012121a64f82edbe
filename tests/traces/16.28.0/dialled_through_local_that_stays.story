+8613800138000 "张三" calls 8003
    0:00.0  talks with PJSIP/1001
    0:05.6  PJSIP/1001 is out: talked 4.0 s, 1.5 s on hold
    0:05.6  ends: answered without a queue
