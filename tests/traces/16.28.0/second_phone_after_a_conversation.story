+8613800138000 "张三" calls 8005
    0:00.0  talks with PJSIP/1001
    0:02.0  PJSIP/1001 is out: talked 1.9 s
    0:02.0  talks with PJSIP/1002
    0:03.9  PJSIP/1002 is out: talked 1.9 s
    0:03.9  ends: answered without a queue
