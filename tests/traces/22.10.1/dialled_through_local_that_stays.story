+8613800138000 "张三" calls 8003
    0:00.0  talks with PJSIP/1001
    0:05.4  PJSIP/1001 is out: talked 3.9 s, 1.5 s on hold
    0:05.4  ends: answered without a queue
