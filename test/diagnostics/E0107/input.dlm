# not a comment
const a = 1;
/* nor this */
const b = 2 $ 3
