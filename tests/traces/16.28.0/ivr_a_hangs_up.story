+8613800138000 "张三" calls 800
    0:01.5  ends: never left the menus
