# The guest's process 1: completes the system, runs the command and says how it ended.
# /run/lab is a folder of the host: command.sh and shares come from there, exit-code goes there.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root

# From now on busybox finds itself, and its shell all that busybox can do.
/usr/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -sfn /proc/self/fd /dev/fd
for stream in stdin:0 stdout:1 stderr:2; do ln -sf "fd/${stream#*:}" "/dev/${stream%:*}"; done
hostname lab-vm
ip link set lo up
while IFS=' ' read -r tag path; do
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none "$tag" "$path"
done </run/lab/shares

# Programs behave as with any pipe; the port itself can be opened only once.
mkfifo /run/output
set -- /dev/vport*p1
cat /run/output >"$1" &
reader=$!
sh /run/lab/command.sh </dev/null >/run/output 2>&1
code=$?
# What the command left running may hold the pipe open for ever.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$reader" 2>/dev/null || break
  sleep 0.1
done
echo "$code" >/run/lab/exit-code
sync
echo b >/proc/sysrq-trigger
sleep 9
