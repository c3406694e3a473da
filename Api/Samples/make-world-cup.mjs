// Makes world-cup.ndjson: node make-world-cup.mjs > world-cup.ndjson
// 48 matches of a World Cup 2026 that never was: the fixtures, players and scores are invented. Every run makes the same bytes.
// One line an event, in the order in which they would arrive: matches that are played at the same time interleave. The time of an
// event is in its value and not the record's timestamp, since a topic's retention would count from that.

const TEAMS = [
  'argentina', 'brazil', 'canada', 'mexico', 'united-states', 'france', 'england', 'spain', 'germany', 'portugal', 'netherlands',
  'belgium', 'croatia', 'italy', 'uruguay', 'colombia', 'ecuador', 'paraguay', 'japan', 'south-korea', 'australia', 'iran',
  'saudi-arabia', 'qatar', 'morocco', 'senegal', 'tunisia', 'algeria', 'egypt', 'ghana', 'ivory-coast', 'south-africa',
  'cape-verde', 'nigeria', 'norway', 'switzerland', 'austria', 'scotland', 'denmark', 'poland', 'panama', 'curacao', 'haiti',
  'costa-rica', 'jordan', 'uzbekistan', 'new-zealand', 'jamaica',
];
const STADIUMS = ['Mexico City', 'Toronto', 'Los Angeles', 'New York', 'Dallas', 'Vancouver', 'Atlanta', 'Monterrey'];
const SYLLABLES = ['ba', 'ce', 'do', 'fa', 'gu', 'ka', 'li', 'mo', 'na', 'pe', 'ro', 'sa', 'te', 'vi', 'zu'];
const FIRST_KICK_OFF = Date.parse('2026-06-11T17:00:00Z');
const MINUTE_MS = 60_000;
const BREAK_MINUTES = 15;
const MATCHES_AT_ONCE = 4;
const ROUNDS_PER_DAY = 2;

// Mulberry32: small, and the same numbers everywhere.
let state = 2026;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let bits = Math.imul(state ^ (state >>> 15), 1 | state);
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
};
const below = count => Math.floor(random() * count);
const pick = list => list[below(list.length)];

const player = () => {
  const surname = pick(SYLLABLES) + pick(SYLLABLES) + pick(SYLLABLES);
  return `${String.fromCharCode(65 + below(26))}. ${surname[0].toUpperCase()}${surname.slice(1)}`;
};
const squads = new Map(TEAMS.map(team => [team, Array.from({ length: 16 }, player)]));

// Groups of four; their first two rounds.
const fixtures = [];
for (const pairs of [[[0, 1], [2, 3]], [[0, 2], [1, 3]]]) {
  for (let first = 0; first < TEAMS.length; first += 4) {
    for (const [home, away] of pairs) fixtures.push([TEAMS[first + home], TEAMS[first + away]]);
  }
}

const incidentsOf = teams => {
  const incidents = [{ event: 'kick-off', minute: 0 }, { event: 'half-time', minute: 45 }, { event: 'full-time', minute: 90 }];
  const add = (count, make) => {
    for (let i = 0; i < count; i++) {
      const team = pick(teams);
      incidents.push({ ...make(squads.get(team)), minute: 1 + below(89), team });
    }
  };
  add(below(6), squad => ({ event: 'goal', player: squad[below(11)] }));
  add(1 + below(5), squad => ({ event: 'card', card: random() < 0.9 ? 'yellow' : 'red', player: squad[below(11)] }));
  add(2 + below(5), squad => ({ event: 'substitution', off: squad[below(11)], on: squad[11 + below(5)] }));
  // The whistles close the minute they fall in.
  const rank = incident => incident.minute * 2 + (incident.event.endsWith('time') ? 1 : 0);
  return incidents.sort((a, b) => rank(a) - rank(b));
};

const kickOffOf = index => {
  const round = Math.floor(index / MATCHES_AT_ONCE);
  const hours = 24 * Math.floor(round / ROUNDS_PER_DAY) + 4 * (round % ROUNDS_PER_DAY);
  return FIRST_KICK_OFF + (hours * 60 + 15 * (index % MATCHES_AT_ONCE)) * MINUTE_MS;
};

const events = fixtures.flatMap((teams, index) => {
  const match = teams.join('-');
  const stadium = STADIUMS[index % STADIUMS.length];
  const score = [0, 0];
  let at = 0;
  return incidentsOf(teams).map(({ event, minute, ...details }, seq) => {
    if (event === 'goal') score[teams.indexOf(details.team)]++;
    const played = minute + (minute > 45 ? BREAK_MINUTES : 0);
    at = Math.max(at + 1000, kickOffOf(index) + played * MINUTE_MS + (event === 'kick-off' ? 0 : below(60) * 1000));
    const value = { match, seq, event, minute, ...details, score: score.join('-'), stadium, at: new Date(at).toISOString() };
    return { at, index, line: JSON.stringify({ key: match, value }) };
  });
});

events.sort((a, b) => a.at - b.at || a.index - b.index);
process.stdout.write(events.map(event => event.line + '\n').join(''));
