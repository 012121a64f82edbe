+8613800138000 "张三" calls 506
    0:00.0  waits in q506
    0:00.0  leaves q506 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 for Local/1001@from-queue/n (q506)
    0:02.0  PJSIP/1001 is out: talked 1.9 s
    0:02.0  waits in q507
    0:02.0  blind transfer from PJSIP/1001 to q507: completed
    0:02.0  leaves q507 after 0.0 s: answered
    0:02.0  talks with PJSIP/1002 for Local/1002@from-queue/n (q507)
    0:04.0  PJSIP/1002 is out: talked 2.0 s
    0:04.0  ends: answered, waited 0.1 s
