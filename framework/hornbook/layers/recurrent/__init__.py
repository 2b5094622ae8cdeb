"""Layers that walk along a sequence: a cell is one step, RNN is the walk.

    output_t, states_t = cell(inputs_t, states_(t-1))

A step that the mask leaves out keeps the states, and repeats the output before it.

cells      what cells share; StackedRNNCells
rnn        RNN
simple     SimpleRNN
lstm       LSTM
gru        GRU
conv_lstm  ConvLSTM1D, 2D, 3D
"""

from hornbook.layers.recurrent.cells import StackedRNNCells
from hornbook.layers.recurrent.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from hornbook.layers.recurrent.gru import GRU, GRUCell
from hornbook.layers.recurrent.lstm import LSTM, LSTMCell
from hornbook.layers.recurrent.rnn import RNN
from hornbook.layers.recurrent.simple import SimpleRNN, SimpleRNNCell

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
]
