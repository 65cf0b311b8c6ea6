//! Airports and weather as tools for agents.

pub mod airports;
pub mod weather;
