+8613800138000 "张三" calls 1001
    0:00.0  talks with PJSIP/1002
    0:02.0  PJSIP/1002 is out: talked 2.0 s
    0:02.0  ends: answered without a queue
