CREATE DATABASE wallet OWNER mission;
