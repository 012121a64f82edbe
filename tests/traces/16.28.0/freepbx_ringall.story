+8613800138000 "张三" calls 8102
    0:00.0  waits in local-all
    0:00.0  leaves local-all after 0.0 s: answered
    0:00.0  talks with PJSIP/1002 for Local/1002@from-queue/n (local-all)
    0:05.3  PJSIP/1002 is out: talked 3.7 s, 1.5 s on hold
    0:05.3  ends: answered, waited 0.0 s
