+8613800138000 "张三" calls 8103
    0:00.0  waits in local-short
    0:00.0  leaves local-short after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 for Local/1001@from-queue (local-short)
    0:05.2  PJSIP/1001 is out: talked 3.6 s, 1.5 s on hold
    0:05.2  ends: answered, waited 0.0 s
