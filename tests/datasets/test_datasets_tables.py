"""Tables and series: penguins, passengers, patients, hours, small and real; wrong rows are refused by their line."""

import io
import zipfile

import numpy as np
import pytest

from hornbook_datasets import (
    airline_passengers,
    breast_cancer,
    heart,
    mammography,
    movielens,
    penguins,
    pollution,
    titanic,
)
from hornbook_datasets.info import Column
from hornbook_datasets.tables import read_rows, read_table

COLUMNS = (Column("name", "str", 0, ""), Column("size", "float32", 0, ""), Column("count", "int64", 0, ""))


def test_dtypes_and_missing_values():
    table = read_table(b"name,size,count\na,1.5,2\r\n,,3.0\n", "t.csv", COLUMNS)
    assert table["name"].tolist() == ["a", ""] and table["name"].dtype == object
    np.testing.assert_array_equal(table["size"], np.array([1.5, np.nan], "float32"))
    assert table["count"].tolist() == [2, 3] and table["count"].dtype == np.int64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,size,count\na,x,1\n", "Expected a finite number as 'size' in line 2 of t.csv; found 'x'"),
        (b"name,size,count\na,inf,1\n", "Expected a finite number as 'size' in line 2 of t.csv; found 'inf'"),
        (b"name,size,count\na,nan,1\n", "Expected a finite number as 'size' in line 2 of t.csv; found 'nan'"),
        (b"name,size,count\na,1e39,1\n", "Expected a finite number as 'size' in line 2 of t.csv; found '1e39'"),
        (b"name,size,count\na,1,1.5\n", "Expected a whole number as 'count' in line 2 of t.csv; found '1.5'"),
        (b"name,size,count\na,1,\n", "Expected a whole number as 'count' in line 2 of t.csv; found ''"),
        (b"name,size,count\na,1,1e30\n", "Expected a whole number as 'count' in line 2 of t.csv; found '1e30'"),
        (b"name,size,count\na,1\n", "Expected 3 fields in line 2 of t.csv; found 2"),
        (b"name,size\na,1\n", "Expected 3 fields in line 1 of t.csv; found 2"),
        (b"name,count,size\na,1,2\n", "Expected the columns .* in t.csv; found"),
        (b'name,size,count\n"a,1,2\n', "line 2 cannot be read: unexpected end of data"),
        (b"name,size,count\n\xff,1,2\n", "Expected text in UTF-8 in t.csv; found other bytes at 16"),
        (b"\xff\xfen\0a\0", "Expected text in UTF-8 in t.csv; found other bytes at 0"),
    ],
)
def test_other_tables_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read_table(content, "t.csv", COLUMNS)


def test_a_field_without_end_is_refused():
    with pytest.raises(ValueError, match="line 1 .*longer|line 1 cannot be read"):
        list(read_rows(b'"' + b"a" * 200_000 + b'"\n', "t.csv", ["a"], header=False))


PENGUINS = b"""species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex
Adelie,Torgersen,39.1,18.7,181,3750,MALE
Gentoo,Biscoe,,,,,
Chinstrap,Dream,50,19,200,3800,FEMALE
"""


def test_penguins(put):
    put(penguins, {0: PENGUINS}, {"all": 3})
    (x, y), (x_test, y_test) = penguins.load_data(test_split=0.3)
    assert list(x) == [column.name for column in penguins.INFO.columns] and len(y) == 2 and len(y_test) == 1
    labels = np.concatenate([y, y_test])
    masses = np.concatenate([x["body_mass_g"], x_test["body_mass_g"]])
    assert sorted(labels) == [0, 1, 2] and np.isnan(masses[labels == 2]) and masses[labels == 0] == 3750
    put(penguins, {0: PENGUINS.replace(b"Gentoo", b"Emperor")}, {"all": 3})
    with pytest.raises(ValueError, match="Expected the species .*; found 'Emperor' too"):
        penguins.load_data()
    put(penguins, {0: PENGUINS}, {"all": 344})
    with pytest.raises(ValueError, match="Expected 344 rows in .*penguins.csv; found 3"):
        penguins.load_data()
    with pytest.raises(ValueError, match="test_split"):
        penguins.load_data(test_split=20)


PATIENT = b"63.0,1.0,1.0,145.0,233.0,1.0,2.0,150.0,0.0,2.3,3.0,0.0,6.0,0"


@pytest.mark.parametrize("number", [0, 1])
def test_patients_in_both_forms(put, number):
    ill = PATIENT.replace(b"6.0,0", b"?,3")
    end = (b"\n", b"\r\n")[number]
    put(heart, {number: PATIENT + end + ill + end}, {"all": 2})
    (x, y), _ = heart.load_data(test_split=0)
    assert sorted(y) == [0, 1] and np.isnan(x["thal"][y == 1]) and x["thal"][y == 0] == 6
    assert {name: column.dtype.name for name, column in x.items()} == {c.name: c.dtype for c in heart.INFO.columns}


def test_a_degree_of_illness_that_there_is_not(put):
    put(heart, {0: PATIENT[:-1] + b"5\n"}, {"all": 1})
    with pytest.raises(ValueError, match="degrees of illness from 0 to 4 in .*; found 5 to 5"):
        heart.load_data()


@pytest.mark.parametrize(
    ("module", "row", "class_", "message"),
    [
        (mammography, b"0.2,5,-0.3,0.8,-0.4,0.5,'1'\n", b"'1'", "Expected '-1' or '1' as the class in .*; found 3"),
        (breast_cancer, b"5,1,1,1,2,?,3,1,1,4\n", b"4", "Expected 2 or 4 as the class in .*; found 3"),
    ],
)
def test_findings(put, module, row, class_, message):
    put(module, {0: row}, {"all": 1})
    (x, y), _ = module.load_data(test_split=0)
    assert y.tolist() == [1] and [x[name].dtype.name for name in x] == [column.dtype for column in module.INFO.columns]
    put(module, {0: row.replace(class_, b"3")}, {"all": 1})
    with pytest.raises(ValueError, match=message):
        module.load_data()


HOURS = b"""No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir
1,2010,1,1,0,NA,-21,-11,1021,NW,1.79,0,0
2,2010,1,1,1,129,-21,-12,1020,cv,4.92,0,0
"""


def test_series_are_cut_by_their_end(put):
    put(pollution, {0: HOURS}, {"all": 2})
    (x, y), (x_test, y_test) = pollution.load_data(test_split=0.5)
    assert np.isnan(y) and y_test == [129] and x["cbwd"] == ["NW"] and x_test["TEMP"] == [-12]
    put(airline_passengers, {0: b'"Month","Passengers"\r\n"1949-01",112\r\n"1949-02",118'}, {"all": 2})
    (x, y), (x_test, y_test) = airline_passengers.load_data(test_split=0.5)
    assert x == ["1949-01"] and y == [112] and x_test == ["1949-02"] and y_test == [118]


def test_real_series_are_what_their_cards_say(real):
    real(pollution.INFO.files[0].path)
    (x, y), (x_test, y_test) = pollution.load_data()
    assert np.isnan(np.concatenate([y, y_test])).sum() == pollution.TARGET.missing
    assert x["year"][0] == 2010 and x_test["year"][-1] == 2014 and len(y) + len(y_test) == 43824
    (months, _), (months_test, passengers) = airline_passengers.load_data()
    assert months[0] == "1949-01" and months_test[-1] == "1960-12" and passengers[-1] == 432


@pytest.mark.parametrize(
    ("module", "classes"),
    [
        (penguins, [152, 68, 124]),
        (titanic, [549, 342]),
        (heart, [164, 139]),
        (breast_cancer, [458, 241]),
        (mammography, [10923, 260]),
    ],
)
def test_real_tables_are_what_their_cards_say(real, module, classes):
    real(module.INFO.files[-1].path)
    (x, y), (x_test, y_test) = module.load_data()
    assert np.bincount(np.concatenate([y, y_test])).tolist() == classes
    assert len(y_test) == module.INFO.examples["all"] - int(0.8 * module.INFO.examples["all"])
    for column in module.INFO.columns:
        values = np.concatenate([x.pop(column.name), x_test.pop(column.name)])
        assert values.dtype == (object if column.dtype == "str" else column.dtype)
        missing = values == "" if column.dtype == "str" else np.isnan(values)
        assert missing.sum() == column.missing, column.name
    assert not x and not x_test


# -------------------------------------------------------------------------------------------------------- movielens
def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


GENRES = "0|0|0|1|1|1" + "|0" * 13
OLD = {
    "ml-100k/u.data": "196\t242\t3\t881250949\n1\t1\t5\t874965758\n",
    "ml-100k/u.item": f"1|Toy Story (1995)|01-Jan-1995||http://x|{GENRES}\n242|Misérables|||y|{GENRES}\n".encode(
        "latin-1"
    ),
}
NEW = {
    "ml-latest-small/ratings.csv": "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n610,193609,0.5,964981247\n",
    "ml-latest-small/movies.csv": 'movieId,title,genres\n1,Toy Story (1995),Adventure|Comedy\n11,"President, The",Drama\n',
}


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(movielens, "RATINGS", {"100k": 2, "latest-small": 2})


def test_ratings_of_both_versions(put, few):
    put(movielens, {0: zipped(OLD), 1: zipped(NEW)})
    (x, y), (x_test, y_test) = movielens.load_data(test_split=0)
    assert {tuple(row) for row in zip(*x.values(), y, strict=True)} == {(196, 242, 881250949, 3), (1, 1, 874965758, 5)}
    assert list(x) == ["user", "movie", "timestamp"] and len(y_test) == 0 and y.dtype == np.float32
    assert movielens.load_movies() == {
        1: ("Toy Story (1995)", ("Animation", "Children's", "Comedy")),
        242: ("Misérables", ("Animation", "Children's", "Comedy")),
    }
    (x, y), _ = movielens.load_data("latest-small", test_split=0)
    assert set(zip(x["user"], x["movie"], y, strict=True)) == {(1, 1, 4.0), (610, 193609, 0.5)}
    assert movielens.load_movies("latest-small")[11] == ("President, The", ("Drama",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ml-100k/u.data": "1\t1\t9\t1\n1\t1\t1\t1\n"}, "ratings above 0 and up to 5 in ml-100k/u.data"),
        ({"ml-100k/u.data": "1\t1\t5\t1\n"}, "Expected 2 rows in ml-100k/u.data"),
        ({"ml-100k/u.data": "1\t1\t5\n"}, "Expected 4 fields in line 2"),
        ({"ml-100k/u.data": "a\t1\t5\t1\n"}, "Expected a whole number as 'userId'"),
    ],
)
def test_other_ratings_are_refused(put, few, change, message):
    put(movielens, {0: zipped(OLD | change)})
    with pytest.raises(ValueError, match=message):
        movielens.load_data()
    with pytest.raises(ValueError, match=r"version to be one of \['100k', 'latest-small'\]; received '1m'"):
        movielens.load_data("1m")
    with pytest.raises(ValueError, match=r"version to be one of"):
        movielens.load_movies("1m")
