"""Layers that walk along a sequence: a cell is one step, RNN is the walk.

    output_t, states_t = cell(inputs_t, states_(t-1))

A step that the mask leaves out keeps the states, and repeats the output before it.

cells   what cells share; StackedRNNCells
rnn     RNN
simple  SimpleRNN
lstm    LSTM
gru     GRU
"""

from hornbook.layers.recurrent.cells import StackedRNNCells
from hornbook.layers.recurrent.gru import GRU, GRUCell
from hornbook.layers.recurrent.lstm import LSTM, LSTMCell
from hornbook.layers.recurrent.rnn import RNN
from hornbook.layers.recurrent.simple import SimpleRNN, SimpleRNNCell

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"]
