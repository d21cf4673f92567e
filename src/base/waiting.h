/* Threads that wait for each other spin before they sleep: those of libgomp for some milliseconds. That is
 * fast while each has a processor. Where another process wants the processors too, both spend most of their
 * time so: two beside each other took up to 30 times as long as one after the other. So whoever runs many
 * parallel regions looks now and then how much time its threads get, and lets them sleep at once while that
 * is little. Results do not depend on it. */
#ifndef FV_BASE_WAITING_H
#define FV_BASE_WAITING_H

/* Before a number of parallel regions with little between them. */
void fv_waiting_begin(void);

/* Between two of them; costs next to nothing most times. */
void fv_waiting_look(void);

#endif
