+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:04.0  PJSIP/1001 is out: talked 4.0 s
    0:04.0  talks with PJSIP/1002
    0:06.0  PJSIP/1002 is out: talked 2.0 s
    0:06.0  ends: answered, waited 0.0 s

1004 "Agent 1004" calls 1002
    0:00.0  talks with PJSIP/1002
    0:02.1  PJSIP/1002 is out: talked 2.0 s
    0:02.1  ends: answered without a queue
