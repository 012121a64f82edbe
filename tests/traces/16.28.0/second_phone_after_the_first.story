+8613800138000 "张三" calls 8004
    0:03.0  talks with PJSIP/1002
    0:04.9  PJSIP/1002 is out: talked 1.9 s
    0:05.0  ends: answered without a queue
