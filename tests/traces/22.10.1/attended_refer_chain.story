+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:04.0  PJSIP/1001 is out: talked 1.9 s, 2.1 s on hold
    0:04.0  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:04.0  talks with PJSIP/1002
    0:07.9  talks with PJSIP/1003
    0:07.9  PJSIP/1002 is out: talked 1.8 s, 2.1 s on hold
    0:07.9  attended transfer from PJSIP/1002 to PJSIP/1003: completed
    0:09.7  PJSIP/1003 is out: talked 1.9 s
    0:09.7  ends: answered, waited 0.0 s
