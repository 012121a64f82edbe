+8613800138000 "张三" calls 506
    0:00.0  waits in q506
    0:00.0  leaves q506 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 for Local/1001@from-queue/n (q506)
    0:05.3  PJSIP/1001 is out: talked 2.3 s, 3.0 s on hold
    0:05.3  attended transfer from PJSIP/1001 to q507: completed
    0:05.9  talks with PJSIP/1002 for Local/1002@from-queue/n (q507)
    0:07.9  PJSIP/1002 is out: talked 2.0 s
    0:07.9  ends: answered, waited 0.0 s
