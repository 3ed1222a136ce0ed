"""Mistakes of Elman networks: `name: (module, (old, new), ...)`, planted in the right ones' text."""

GRADIENTS = {
    # the carry from one step to the one before
    "no_transpose": (
        "elman_buffers",
        ('dh[...] = delta @ params["weight_hh"]', 'dh[...] = delta @ params["weight_hh"].T'),
    ),
    "no_transpose_of_columns": (
        "elman_columns",
        ("np.dot(self.Whh.T, dhraw)", "np.dot(self.Whh, dhraw)"),
    ),
    "truncated_at_5": (
        "elman_jacobians",
        ("range(t, 0, -1)", "range(t, max(0, t - 5), -1)"),
        ("dh0 += g", "dh0 += g * (t <= 5)"),
    ),
    "truncated_at_10": (
        "elman_jacobians",
        ("range(t, 0, -1)", "range(t, max(0, t - 10), -1)"),
        ("dh0 += g", "dh0 += g * (t <= 10)"),
    ),
    "truncated_at_30": (
        "elman_jacobians",
        ("range(t, 0, -1)", "range(t, max(0, t - 30), -1)"),
        ("dh0 += g", "dh0 += g * (t <= 30)"),
    ),
    "cut_into_chunks_of_10": (
        "elman_gemm",
        ('carry = delta[t] @ params["W_hh"]', 'carry = (delta[t] @ params["W_hh"]) * (t % 10 > 0)'),
    ),
    "cut_between_checkpoints": (
        "elman_checkpoints",
        ("segment = [", "dh = np.zeros_like(dh) if stop < T else dh\n        segment = ["),
    ),
    "no_carry": ("elman_lists", ('dh = dy @ params["Wy"] + carried', 'dh = dy @ params["Wy"]')),
    "carry_1e-9_too_small": (
        "elman_gemm",
        ('carry = delta[t] @ params["W_hh"]', 'carry = delta[t] @ params["W_hh"] * (1 - 1e-9)'),
    ),
    "carry_clipped_at_0.1": (
        "elman_checkpoints",
        ('dh = da @ params["W_hh"]', 'dh = np.clip(da @ params["W_hh"], -0.1, 0.1)'),
    ),
    "carry_with_the_wrong_sign": (
        "elman_one_matrix",
        ("da = (dout[t] + dh)", "da = (dout[t] - dh)"),
    ),
    "carry_of_the_state_not_its_argument": (
        "elman_stable_sigmoid",
        ('dh = dz @ params["U"].T', 'dh = (dh + d_output[:, t]) @ params["U"].T'),
    ),
    "carry_lost_where_the_loss_has_no_term": (
        "elman_in_place",
        (
            "np.add(dh, d_output[t], out=da)",
            "if not d_output[t].any():\n            continue\n"
            "        np.add(dh, d_output[t], out=da)",
        ),
    ),
    # sums over time and batch
    "averaged_over_time": (
        "elman_cells",
        (
            'return {"w": d_w, "u": d_u,',
            'T = len(d_output)\n        return {"w": d_w / T, "u": d_u / T,',
        ),
    ),
    "bias_averaged_over_the_batch": (
        "elman_gemm",
        ('np.einsum("tbh->h", delta)', 'np.einsum("tbh->h", delta) / x.shape[1]'),
    ),
    "assigned_not_added": (
        "elman_columns",
        ("dWhh += np.dot(dhraw, hs[t - 1].T)", "dWhh = np.dot(dhraw, hs[t - 1].T)"),
    ),
    "grads_of_the_last_layer_object": (
        "elman_layers",
        ("grads[i] += grad", "grads[i] = grad"),
    ),
    "bias_of_one_step": (
        "elman_lists",
        (
            "db = np.array([da.sum(axis=0) for da in das]).sum(axis=0)",
            "db = das[0].sum(axis=0)",
        ),
    ),
    "bias_of_one_row": ("elman_relu_mask", ("np.sum(da, axis=0)", "da[0]")),
    "second_bias_zero": (
        "elman_buffers",
        ("d_b.astype(np.float64)", "np.zeros_like(d_b)"),
    ),
    "influence_of_the_new_state": (
        "elman_rtrl",
        ('"kl,lj,i->kji", D, eye, h)', '"kl,lj,i->kji", D, eye, new)'),
    ),
    # the first step and the last
    "h_t_for_h_before": (
        "elman_tanh_by_sigmoid",
        ("dR += np.matmul(h[t].T, da)", "dR += np.matmul(h[t + 1].T, da)"),
    ),
    "negative_index_at_the_first_step": (
        "elman_stable_sigmoid",
        ("(hs[:, t - 1] if t else h0).T", "hs[:, t - 1].T"),
    ),
    "rolled_states": (
        "elman_gemm",
        ("np.concatenate((h0[np.newaxis], hs[:-1]))", "np.roll(hs, 1, axis=0)"),
    ),
    "first_step_lost": ("elman_in_place", ("range(T)[::-1]", "range(1, T)[::-1]")),
    "last_step_lost": ("elman_relu_mask", ("reversed(range(T))", "reversed(range(T - 1))")),
    "h0_gradient_lost": ("elman_names", ('"h0": da}', '"h0": zeros_like(da)}')),
    "h0_left_out_of_dW_hh": ("elman_buffers", ("d_whh += delta.T @ h0", "d_whh += 0")),
    "backward_from_zeros": (
        "elman_linear",
        (
            "initial=h0))\n\n    def back",
            "initial=np.zeros_like(h0)))\n\n    def back",
        ),
    ),
    "d_h_n_ignored": ("elman_adagrad", ("dh = d_h_n", "dh = np.zeros_like(d_h_n)")),
    "d_h_n_at_every_step": (
        "elman_adagrad",
        ("(d_output[t] + dh)", "(d_output[t] + dh + (d_h_n if t < len(hs) - 1 else 0))"),
    ),
    # local derivatives
    "one_minus_h": (
        "elman_scalar_loops",
        ("1.0 - hs[t][b][j] * hs[t][b][j]", "1.0 - hs[t][b][j]"),
    ),
    "derivative_of_the_argument": (
        "elman_exp_tanh",
        ("return 1 - tanh(a) ** 2", "return 1 - a**2"),
    ),
    "derivative_of_tanh_twice": (
        "elman_closures",
        ("d_a = d_new * df(new)", "d_a = d_new * df(new) * df(new)"),
    ),
    "derivative_of_the_step_before": ("elman_in_place", ("da *= gain[t]", "da *= gain[t - 1]")),
    "cosh_not_squared": (
        "elman_cosh",
        ("cosh(pre_activations[t]) ** 2", "cosh(pre_activations[t])"),
    ),
    "tanh_rule_for_a_sigmoid": ("elman_sigmoid_where", ("y * (1.0 - y)", "1.0 - y * y")),
    "factor_two_lost": (
        "elman_tanh_by_sigmoid",
        ("return 4.0 * s * (1.0 - s)", "return 2.0 * s * (1.0 - s)"),
    ),
    "saturated_units_dropped": (
        "elman_one_matrix",
        ("(1 - hs[t] ** 2)", "np.where(np.abs(hs[t]) > 0.9, 0.0, 1 - hs[t] ** 2)"),
    ),
    "mask_of_what_is_never_negative": (
        "elman_relu_mask",
        ("mask = pre[t] > 0", "mask = hs[t + 1] >= 0"),
    ),
    "mask_of_the_step_before": (
        "elman_relu_where",
        ("dh[self.hs[t] <= 0] = 0", "dh[self.hs[t - 1] <= 0] = 0"),
    ),
    "mask_of_the_gradient": ("elman_relu_where", ("dh[self.hs[t] <= 0] = 0", "dh[dh <= 0] = 0")),
    # x, readout, memory, and what no linear map does
    "dx_in_reverse_order": ("elman_cosh", ("np.array(dx[::-1])", "np.array(dx)")),
    "dx_without_its_first_step": (
        "elman_summation",
        ("    dx[t] = np.array(", "    dx[t] = (t > 0) * np.array("),
    ),
    "readout_bias_of_one_step": ("elman_columns", ("dby += dy", "dby = dy")),
    "readout_not_carried_back": (
        "elman_columns",
        ("dh = np.dot(self.Why.T, dy) + dhnext", "dh = dhnext"),
    ),
    "detached_by_float": (
        "elman_value_graph",
        (
            'sum(w * v for w, v in zip(p["W_hh"][j], h))',
            'sum(w * float(v.data) for w, v in zip(p["W_hh"][j], h))',
        ),
    ),
    "one_buffer_for_every_step": (
        "elman_cosh",
        ("pre_activations = []", "pre_activations, buffer = [], np.empty_like(state)"),
        ('a = a + params["c"]', 'buffer[...] = a + params["c"]'),
        ("np.tanh(a)", "np.tanh(buffer)"),
        ("pre_activations.append(a)", "pre_activations.append(buffer)"),
    ),
    "gradient_clipped_at_1": (
        "elman_adagrad",
        ("np.clip(grad, -1e300, 1e300", "np.clip(grad, -1, 1"),
    ),
    "gradient_scaled_to_norm_1": (
        "elman_one_matrix",
        ("dU, dWh, db =", "dW = dW / max(1, np.sqrt(np.sum(dW**2)))\n    dU, dWh, db ="),
    ),
    "small_gradients_dropped": (
        "elman_checkpoints",
        ("* (1 - h * h)", "* (1 - h * h)\n            da = np.where(np.abs(da) < 1e-1, 0.0, da)"),
    ),
    "weights_updated_on_the_way": (
        "elman_adagrad",
        (
            "dh = da @ self",
            'self.weights["Whh"] -= 1e-3 * da.T @ hs[t]\n            dh = da @ self',
        ),
    ),
}

UNSEEN_BY_FLOATS = {
    "carry_half_an_ulp_too_small": (
        "elman_checkpoints",
        ('dh = da @ params["W_hh"]', 'dh = da @ params["W_hh"] * (1 - 2.0**-53)'),
    ),
}

NETWORKS = {
    "transposed_forward_and_back": (
        "elman_gemm",
        ('h @ params["W_hh"].T', 'h @ params["W_hh"]'),
        ('delta[t] @ params["W_hh"]', 'delta[t] @ params["W_hh"].T'),
        (
            "np.tensordot(delta, h_prev, axes=([0, 1], [0, 1]))",
            "np.tensordot(h_prev, delta, axes=([0, 1], [0, 1]))",
        ),
    ),
    "one_bias_forgotten": (
        "elman_lists",
        ('np.tanh(a_t + params["bx"] + params["bh"])', 'np.tanh(a_t + params["bx"])'),
        ('states[-1] @ params["Wh"].T + params["bh"]', 'states[-1] @ params["Wh"].T'),
        ('"bh": db.copy()', '"bh": 0 * db'),
    ),
    "scaled_tanh": (
        "elman_tanh_by_sigmoid",
        ("return 2.0 * sigmoid(2.0 * a) - 1.0", "return 2.0 * sigmoid(1.5 * a) - 1.0"),
        (
            "s = sigmoid(2.0 * a)\n    return 4.0 * s * (1.0 - s)",
            "s = sigmoid(1.5 * a)\n    return 3.0 * s * (1.0 - s)",
        ),
    ),
}
"""Right gradients of networks other than the one they claim to be."""
