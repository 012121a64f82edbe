+8613800138000 "张三" calls 1001
    0:00.1  talks with PJSIP/1001
    0:08.5  PJSIP/1001 is out: talked 5.5 s, 2.9 s on hold
    0:08.5  ends: answered without a queue
