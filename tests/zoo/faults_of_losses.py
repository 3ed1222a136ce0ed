"""Mistakes of black boxes: `name: (module, example, (old, new), ...)`, planted in the right ones."""

GRADIENTS = {
    "no_p_minus_y_at_the_last_step": (
        "loss_min_char",
        "min_char",
        ("dy[targets[t]] -= 1", "dy[targets[t]] -= t < len(inputs) - 1"),
    ),
    "clipped_at_0.1": (
        "loss_min_char",
        "min_char",
        ("np.clip(dparam, -5, 5,", "np.clip(dparam, -0.1, 0.1,"),
    ),
    "min_char_assigned_not_added": (
        "loss_min_char",
        "min_char",
        ("dby += dy", "dby = dy"),
    ),
    "min_char_new_state_in_dWhh": (
        "loss_min_char",
        "min_char_without_clip",
        ("np.dot(dhraw, hs[t - 1].T)", "np.dot(dhraw, hs[t].T)"),
    ),
    "min_char_no_transpose": (
        "loss_min_char",
        "min_char_without_clip",
        ("np.dot(Whh.T, dhraw)", "np.dot(Whh, dhraw)"),
    ),
    "averaged_over_the_batch_alone": (
        "loss_stable_softmax",
        "stable_softmax",
        ("dscores /= B * T", "dscores /= B"),
    ),
    "targets_of_the_step_before": (
        "loss_stable_softmax",
        "stable_softmax",
        ("dscores[np.arange(B), y[:, t]]", "dscores[np.arange(B), y[:, t - 1]]"),
    ),
    "chunks_of_3": (
        "loss_stable_softmax",
        "stable_softmax",
        ('dh_next = da @ p["W"].T', 'dh_next = (da @ p["W"].T) * (t % 3 > 0)'),
    ),
    "probabilities_overwritten": (
        "loss_stable_softmax",
        "stable_softmax",
        ("dscores = probs[t].copy()", "dscores = probs[0]"),
    ),
    "sequences_overwrite_each_other": (
        "loss_log_softmax",
        "log_softmax",
        ("grads[4] += dz", "grads[4] = dz"),
    ),
    "log_probability_for_probability": (
        "loss_log_softmax",
        "log_softmax",
        ("dz = np.exp(logp) - label", "dz = logp - label"),
    ),
    "factor_2_of_the_square": ("loss_mse", "mse", ("2 * error / (T * B)", "error / (T * B)")),
    "averaged_over_time_alone": ("loss_mse", "mse", ("2 * error / (T * B)", "2 * error / T")),
    "last_state_where_zeros_were": (
        "loss_mse",
        "mse",
        ("h = np.zeros((T + 1,", "h = np.zeros((T,"),
    ),
    "mean_over_everything_but_O": (
        "loss_mse",
        "mse_mean",
        ("(y - y_train) / y.size", "(y - y_train) / (T * B)"),
    ),
    "without_the_sigmoid": ("loss_bce", "bce_epsilon", ("dp * p * (1 - p))", "dp)")),
    "bce_no_carry": (
        "loss_bce",
        "bce_clip",
        ('carry = w["rec"].T @ d', "carry = 0.0 * d"),
    ),
    "bce_bias_of_the_readout_lost": (
        "loss_bce",
        "bce_clip",
        ('g["out_bias"][0] += dlogits[t]', 'g["out_bias"][0] = dlogits[t]'),
    ),
    "forget_gate_left_out_of_dh": (
        "loss_lstm",
        "lstm",
        ('np.dot(p["W_f"].T, df)\n        + np', "np"),
    ),
    "no_cell_state_carry": ("loss_lstm", "lstm", ("dC_prev = f * dC", "dC_prev = 0 * dC")),
    "cell_state_carry_without_f": ("loss_lstm", "lstm", ("dC_prev = f * dC", "dC_prev = dC")),
    "derivative_of_tanh_at_C": ("loss_lstm", "lstm", ("dtanh(np.tanh(C))", "dtanh(C)")),
    "C_for_C_before": ("loss_lstm", "lstm", ("df = dC * C_prev", "df = dC * C")),
    "lstm_no_dh_next": ("loss_lstm", "lstm", ("    dh += dh_next\n", "")),
    "gates_in_another_order": (
        "loss_lstm_stacked",
        "lstm_stacked",
        ("dc * g * i * (1 - i)", "dc * c * f * (1 - f) * 1.0"),
        ("dc * c * f * (1 - f),\n", "dc * g * i * (1 - i),\n"),
    ),
    "lower_layer_reversed": (
        "loss_lstm_stacked",
        "lstm_stacked",
        ("return np.array(dxs[::-1])", "return np.array(dxs)"),
    ),
    "cell_carry_1e-6_too_small": (
        "loss_lstm_stacked",
        "lstm_stacked",
        ("dc = dc * f\n", "dc = dc * f * (1 - 1e-6)\n"),
    ),
    "no_peephole_of_o": (
        "loss_lstm_peephole",
        "lstm_peephole",
        (' + p["po"] * do', ""),
    ),
    "no_peephole_carry": (
        "loss_lstm_peephole",
        "lstm_peephole",
        (' + p["pi"] * di + p["pf"] * df', ""),
    ),
    "peephole_of_o_at_the_old_cell": (
        "loss_lstm_peephole",
        "lstm_peephole",
        ('d["po"] += do * c\n', 'd["po"] += do * c_prev\n'),
    ),
    "no_reset_gate_path": ("loss_gru", "gru", ("dr = drh * h", "dr = 0 * drh")),
    "reset_gate_not_in_the_carry": ("loss_gru", "gru", ("dh_prev += drh * r", "dh_prev += drh")),
    "update_gate_with_the_wrong_sign": ("loss_gru", "gru", ("dh * (h - n)", "dh * (n - h)")),
    "candidate_without_r": ("loss_gru", "gru", ("dan @ (r * h).T", "dan @ h.T")),
    "state_detached_by_float": (
        "loss_gru",
        "gru",
        (
            "            h = h_new\n",
            "            h = np.array([[float(v)] for v in h_new[:, 0]])\n",
        ),
        ("dh = dh_prev\n", "dh = 0 * dh_prev\n"),
    ),
    "hidden_bias_like_input_bias": (
        "loss_gru_reset_after",
        "gru_reset_after",
        ("[da_r, da_z, da_n * r]", "[da_r, da_z, da_n]"),
    ),
    "no_leak_through_z": (
        "loss_gru_reset_after",
        "gru_reset_after",
        ("dh = dh * z + dh_side", "dh = dh_side"),
    ),
    "loss_of_the_last_step_alone": (
        "loss_gru_reset_after",
        "gru_reset_after",
        ("dh = dh + dhs[t]", "dh = dh + dhs[t] * (t == len(cache) - 1)"),
    ),
    "one_direction_for_both": (
        "loss_bidirectional",
        "bidirectional",
        ("directions[d], states[d], part)", 'directions["fw"], states[d], part)'),
    ),
    "no_weight_decay": (
        "loss_bidirectional",
        "bidirectional",
        (' + 0.02 * params["v"]', ""),
    ),
    "repeated_words_counted_once": (
        "loss_embedding",
        "embedding",
        ("np.add.at(dE, word, da)", "dE[word] += da"),
    ),
    "tied_weights_counted_once": (
        "loss_embedding",
        "embedding",
        ("dE = dE + dlogits.T @ h", "dE = 1.0 * dE"),
    ),
    "weights_updated_inside": (
        "loss_embedding",
        "embedding",
        (
            "        db += da.sum(axis=0)\n",
            "        db += da.sum(axis=0)\n        W = W - 0.01 * prev.T @ da\n",
        ),
    ),
}
