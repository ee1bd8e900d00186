// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* RDMASEC_IOCTL_QP_OPTION: rdmasec_qp_option() of rdma_sec.h. */
#include <errno.h>
#include <sys/stat.h>

#include "door.h"
#include "qp_options.h"

static int protection_read(int fd, const struct rdmasec_qp_request *request)
{
	struct rdmasec_protection protection;
	int err;

	if (request->size != sizeof(protection))
		return -EINVAL;
	err = door_protection(fd, request->handle, &protection);
	return err ? err : door_write(request->value, &protection, sizeof(protection));
}

static int option_set(int fd, const struct rdmasec_qp_request *request)
{
	uint32_t value;
	int err;

	if (request->size != sizeof(value))
		return -EINVAL;
	err = door_read(request->value, &value, sizeof(value));
	return err ? err
		   : qp_options_set(fd, request->handle, request->type, (int)request->option, &value, sizeof(value));
}

static int do_request(int fd, const void *arg)
{
	struct rdmasec_qp_request request;
	int err = door_read((uintptr_t)arg, &request, sizeof(request));

	if (err)
		return err;
	return request.option == RDMASEC_PROTECTION ? protection_read(fd, &request) : option_set(fd, &request);
}

int door_qp_option(int fd, void *arg)
{
	struct stat file;
	int saved = errno, err;

	/* another kind of file may have an ioctl with this number */
	if (fstat(fd, &file) || !S_ISCHR(file.st_mode))
		return door_ops()->next(fd, RDMASEC_IOCTL_QP_OPTION, arg);
	err = do_request(fd, arg);
	errno = err ? -err : saved;
	return err ? -1 : 0;
}
