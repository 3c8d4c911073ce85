// SPDX-License-Identifier: GPL-2.0

//! Recorded observables: names, shapes and bytes of NIRData.

use lightos_recordings::observables::{EventData, Grid, TimeGriddedData};
use lightos_recordings::{Error, Event, SensorSize};

/// Header text and data of a `.npy` file.
fn parts(file: &[u8]) -> (String, &[u8]) {
    assert!(file.starts_with(b"\x93NUMPY\x01\x00"));
    let end = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert_eq!(end % 16, 0);
    let text = String::from_utf8(file[10..end].to_vec()).expect("ASCII");
    let text = text.replace(|c: char| c.is_whitespace(), "");
    (text.replace(",)", ")").replace(",]", "]"), &file[end..])
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().expect("8 bytes")))
        .collect()
}

#[test]
fn events_as_npy_and_csv() -> Result<(), Error> {
    let samples = [vec![(2, 0.25), (0, 0.5)], vec![(1, 1.0)]];
    let data = EventData::new(&samples, 3, 2.0)?;
    let mut file = Vec::new();
    data.write_npy(&mut file)?;
    let (header, bytes) = parts(&file);
    assert!(header.contains(
        "'descr':[('idx','<i8',(2)),('time','<f8',(2)),('n_neurons','<i8'),('t_max','<f8')]"
    ));
    assert!(header.contains("'shape':(2)"));
    assert_eq!(bytes.len(), 2 * 48);
    let idx = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!([idx(0), idx(8), idx(32)], [2, 0, 3]);
    assert_eq!([idx(48), idx(56), idx(80)], [1, -1, 3]);
    assert_eq!(floats(&bytes[16..32]), [0.25, 0.5]);
    assert_eq!(floats(&bytes[40..48]), [2.0]);
    assert_eq!(floats(&bytes[64..80]), [1.0, f64::INFINITY]);

    let mut text = Vec::new();
    data.write_csv(&mut text)?;
    let expected = "# n_neurons=3 t_max=2\nsample,idx,time\n0,2,0.25\n0,0,0.5\n1,1,1\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    Ok(())
}

#[test]
fn events_that_cannot_be() {
    for (sample, t_max) in [
        (vec![(3, 0.0)], 1.0),
        (vec![(0, -0.1)], 1.0),
        (vec![(0, 1.1)], 1.0),
        (vec![(0, f64::NAN)], 1.0),
        (vec![(0, 0.0)], f64::NAN),
    ] {
        let text = format!("{sample:?}");
        assert!(EventData::new(&[sample], 3, t_max).is_err(), "{text}");
    }
}

#[test]
fn events_to_grid() -> Result<(), Error> {
    let data = EventData::new(&[vec![(1, 0.0), (0, 0.25)]], 2, 0.5)?;
    let grid = data.to_time_gridded(0.25)?;
    assert_eq!(grid.shape(), (1, 2, 2));
    assert_eq!(
        grid.data(),
        &Grid::Spikes(vec![vec![false, true, true, false]])
    );
    let mut file = Vec::new();
    grid.write_npy(&mut file)?;
    let (header, bytes) = parts(&file);
    assert!(header.contains("'descr':[('data','|b1',(2,2)),('dt','<f8')]"));
    assert_eq!(bytes[..4], [0, 1, 1, 0]);
    assert_eq!(floats(&bytes[4..]), [0.25]);
    let mut text = Vec::new();
    grid.write_csv(&mut text)?;
    let expected = "# dt=0.25\nsample,step,0,1\n0,0,0,1\n0,1,1,0\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);

    let late = EventData::new(&[vec![(0, 0.5)]], 2, 0.5)?;
    assert!(late.to_time_gridded(0.25).is_err());
    assert!(data.to_time_gridded(0.0).is_err());
    assert!(data.to_time_gridded(1e-12).is_err());
    Ok(())
}

#[test]
fn voltages_to_grid() -> Result<(), Error> {
    let grid = TimeGriddedData::new(Grid::Values(vec![vec![0.5, -1.0]; 2]), 1, 1e-3)?;
    assert_eq!(grid.shape(), (2, 2, 1));
    let mut file = Vec::new();
    grid.write_npy(&mut file)?;
    let (header, bytes) = parts(&file);
    assert!(header.contains("'descr':[('data','<f8',(2,1)),('dt','<f8')]"));
    assert_eq!(floats(bytes), [0.5, -1.0, 1e-3, 0.5, -1.0, 1e-3]);
    let ragged = Grid::Values(vec![vec![0.5], vec![]]);
    assert!(TimeGriddedData::new(ragged, 1, 1e-3).is_err());
    let odd = Grid::Values(vec![vec![0.5; 3]]);
    assert!(TimeGriddedData::new(odd, 2, 1e-3).is_err());
    Ok(())
}

#[test]
fn camera_events_become_inputs() -> Result<(), Error> {
    let event = Event {
        time_us: 1500,
        x: 1,
        y: 2,
        polarity: true,
    };
    let data = EventData::from_events(&[event], SensorSize::NMNIST, 0.35)?;
    assert_eq!(data.idx(), [[1156 + 2 * 34 + 1]]);
    assert_eq!(data.time(), [[0.0015]]);
    assert_eq!(data.n_neurons(), 2312);
    let outside = Event { x: 34, ..event };
    assert!(EventData::from_events(&[outside], SensorSize::NMNIST, 0.35).is_err());
    Ok(())
}
