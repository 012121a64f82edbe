+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1001
    0:08.4  PJSIP/1001 is out: talked 5.5 s, 2.8 s on hold
    0:08.4  ends: answered without a queue
