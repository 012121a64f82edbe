+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:02.2  PJSIP/1001 is out: talked 2.2 s
    0:02.3  blind transfer from PJSIP/1001 to PJSIP/1002: completed
    0:02.3  talks with PJSIP/1002
    0:04.3  PJSIP/1002 is out: talked 2.0 s
    0:04.5  blind transfer from PJSIP/1002 to PJSIP/1001: completed
    0:04.5  talks with PJSIP/1001
    0:06.4  PJSIP/1001 is out: talked 1.9 s
    0:06.4  ends: answered, waited 0.0 s
