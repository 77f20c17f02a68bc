import nomodule
