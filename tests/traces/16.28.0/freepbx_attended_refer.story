+8613800138000 "张三" calls 506
    0:00.0  waits in q506
    0:00.0  leaves q506 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 for Local/1001@from-queue/n (q506)
    0:04.5  PJSIP/1001 is out: talked 2.1 s, 2.4 s on hold
    0:04.5  attended transfer from PJSIP/1001 to PJSIP/1002: completed
    0:04.5  talks with PJSIP/1002
    0:06.3  PJSIP/1002 is out: talked 1.8 s
    0:06.3  ends: answered, waited 0.0 s
