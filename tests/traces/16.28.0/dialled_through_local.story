+8613800138000 "张三" calls 8002
    0:00.0  talks with PJSIP/1001
    0:01.9  PJSIP/1001 is out: talked 1.9 s
    0:02.0  ends: answered without a queue
