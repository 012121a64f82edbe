1002 "Agent 1002" calls 0123
    0:06.0  ends: never left the menus

+8613800138000 "张三" calls 501
    0:00.0  waits in q501
    0:00.0  leaves q501 after 0.0 s: answered
    0:00.0  talks with PJSIP/1001 (q501)
    0:03.6  attended transfer from PJSIP/1001 to PJSIP/1002: declined
    0:05.8  PJSIP/1001 is out: talked 4.2 s, 1.2 s on hold
    0:05.8  ends: answered, waited 0.0 s
