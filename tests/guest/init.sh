#!/bin/sh
# First process of the guest: file systems, CAN, the command, power off. `guest_job` and `guest_modules`, folders
# of the host, come from the kernel's command line. The host's files are read-only here.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

power_off() {
  sync
  echo o >/proc/sysrq-trigger
  sleep 60
}

mount_host() { # ro|rw FOLDER: the host's folder at its own place
  mkdir -p "$2"
  mount -t hostfs -o "$1,$2" host "$2"
}

file_systems() {
  mount -t proc proc /proc
  trap power_off EXIT
  mount -t sysfs sysfs /sys
  mkdir /dev/pts /dev/shm
  mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
  for folder in /dev/shm /tmp /run /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $folder; done
  ln -s /proc/self/fd /dev/fd
  for n in 0:stdin 1:stdout 2:stderr; do ln -s /proc/self/fd/${n%:*} /dev/${n#*:}; done
  mkdir /run/job /run/lock
  mount -t hostfs -o "rw,$guest_job" job /run/job
}

modules() {
  kernel="$guest_modules/$(uname -r)/kernel"
  for module in can can-raw can-bcm can-gw j1939/can-j1939; do insmod "$kernel/net/can/$module.ko"; done
  for module in dev/can-dev vcan vxcan slcan/slcan; do insmod "$kernel/drivers/net/can/$module.ko"; done
}

interfaces() {
  {
    echo link set lo up
    for n in 0 1 2 3; do
      echo link add dev vcan$n txqueuelen 1000 type vcan
      echo link set dev vcan$n up
    done
  } | ip -batch -
}

forward() { # FIFO TERMINAL: so that the command writes into a pipe, and the terminal's buffer has drained
  stty raw -echo <"$2"
  mkfifo "$1"
  { cat "$1" >"$2" && : >"$1.done"; } &
}

drained() { # a daemon that the command left behind may keep its pipe open: two seconds, no more
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if [ -e "$1.done" ]; then return; fi
    sleep 0.1
  done
}

file_systems
modules
interfaces
. /run/job/mounts.sh
echo guest >/proc/sys/kernel/hostname
# Time is booked to whoever runs at a tick, and what wakes by a timer runs just then: real-time programs seem to use the
# whole processor, and would be kept from it for 50 ms of each second.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
forward /run/out /dev/tty1
forward /run/err /dev/tty2
: >/run/job/started
code=0
setsid sh /run/job/command.sh </dev/null >/run/out 2>/run/err || code=$?
echo $code >/run/job/code
drained /run/out
drained /run/err
