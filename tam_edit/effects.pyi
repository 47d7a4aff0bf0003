from effects import *
