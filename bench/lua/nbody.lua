-- The planets' orbits: records of floats that change in place.
local sqrt = math.sqrt
local solar_mass = 4.0 * math.pi * math.pi
local year = 365.24

local function body(x, y, z, vx, vy, vz, mass)
  return {x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass}
end

local bodies = {
  body(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, solar_mass),
  body(4.84143144246472090, -1.16032004402742839, -0.103622044471123109,
       0.00166007664274403694 * year, 0.00769901118419740425 * year,
       -0.0000690460016972063023 * year, 0.000954791938424326609 * solar_mass),
  body(8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
       -0.00276742510726411 * year, 0.00499852801234917238 * year,
       0.0000230417297573763929 * year, 0.000285885980666130812 * solar_mass),
  body(12.8943695621391310, -15.1111514016986312, -0.223307578892655734,
       0.00296460137564761618 * year, 0.00237847173959480950 * year,
       -0.0000296589568540237556 * year, 0.0000436624404335156298 * solar_mass),
  body(15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
       0.00268067772490389322 * year, 0.00162824170038242295 * year,
       -0.0000951592254519715870 * year, 0.0000515138902046611451 * solar_mass),
}

local function pull(a, b, dt)
  local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
  local square = dx * dx + dy * dy + dz * dz
  local magnitude = dt / (square * sqrt(square))
  local from_a, from_b = a.mass * magnitude, b.mass * magnitude
  a.vx = a.vx - dx * from_b
  a.vy = a.vy - dy * from_b
  a.vz = a.vz - dz * from_b
  b.vx = b.vx + dx * from_a
  b.vy = b.vy + dy * from_a
  b.vz = b.vz + dz * from_a
end

local function move(a, dt)
  a.x = a.x + dt * a.vx
  a.y = a.y + dt * a.vy
  a.z = a.z + dt * a.vz
end

local function advance(dt)
  for i = 1, #bodies do
    local a = bodies[i]
    for j = i + 1, #bodies do pull(a, bodies[j], dt) end
    move(a, dt)
  end
end

local function offset_momentum(sun)
  local px, py, pz = 0.0, 0.0, 0.0
  for _, a in ipairs(bodies) do
    px = px + a.mass * a.vx
    py = py + a.mass * a.vy
    pz = pz + a.mass * a.vz
  end
  sun.vx, sun.vy, sun.vz = -px / solar_mass, -py / solar_mass, -pz / solar_mass
end

local function energy()
  local sum = 0.0
  for i, a in ipairs(bodies) do
    sum = sum + 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      sum = sum - a.mass * b.mass / sqrt(dx * dx + dy * dy + dz * dz)
    end
  end
  return sum
end

offset_momentum(bodies[1])
for _ = 1, 50000 do advance(0.01) end
print(math.floor(-1e9 * energy()))
