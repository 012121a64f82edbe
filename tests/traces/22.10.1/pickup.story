+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1002
    0:01.9  PJSIP/1002 is out: talked 1.8 s
    0:01.9  ends: answered without a queue
