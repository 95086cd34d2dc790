#!/bin/sh
# greeter @version@, installed in @prefix@
version=@version@
colour=@colour@
