// SEIR on a static random network, event by event: what a program written by hand for one model can do.
//
// The day on which a tie would infect is drawn once, when its first end becomes infectious; those infected on a day
// stand in that day's bucket. Memory is asked for ahead of its use. Nothing may change while the run goes on.
//
// Two sources of luck: "keyed" hashes (who infects, whom) with Philox, so that the outcome does not hang on the order of
// the work, as ours does not; "sequence" takes the next number of one stream, which no second thread could do.
//
//   g++ -O3 -march=native -std=c++17 event_engine.cpp -o event_engine && ./event_engine keyed 1000000 100 1
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using std::size_t;
constexpr int LATENT = 3, INFECTIOUS = 5, DEGREE = 10;
constexpr double RATE = 0.0439, SEEDED = 0.001;

static double wall() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static rusage usage() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used;
}

static double peak_mib() {  // not ru_maxrss, which a process has from the one that started it
    double kib = 0;
    char line[256];
    if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
        while (std::fgets(line, sizeof line, file)) std::sscanf(line, "VmHWM: %lf", &kib);
        std::fclose(file);
    }
    return kib / 1024;
}

static double processor() {
    rusage used = usage();
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1e-6 * (used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

struct Random {  // splitmix64 (Steele, Lea, Flood 2014)
    uint64_t state;
    uint64_t next() {
        uint64_t z = (state += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }
};

struct Sequence {
    Random stream;
    uint32_t tie(uint32_t, uint32_t) { return uint32_t(stream.next()); }
};

struct Keyed {  // Philox4x32-10 (Salmon et al. 2011)
    uint32_t seed;
    uint32_t tie(uint32_t from, uint32_t to) const {
        uint32_t c0 = from, c1 = to, c2 = 0, c3 = 0, k0 = seed, k1 = 0;
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
            uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
            c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
            c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
            c1 = uint32_t(p1);
            c3 = uint32_t(p0);
        }
        return c0;
    }
};

struct Network {
    std::vector<uint32_t> offsets, targets;
};

static Network random_network(uint32_t n, Random& random) {
    size_t pairs = size_t(n) * DEGREE / 2;
    std::vector<uint32_t> a(pairs), b(pairs);
    Network network{std::vector<uint32_t>(n + 1, 0), std::vector<uint32_t>(2 * pairs)};
    for (size_t e = 0; e < pairs; e++) {
        a[e] = random.below(n);
        b[e] = random.below(n);
        network.offsets[a[e]]++;
        network.offsets[b[e]]++;
    }
    uint32_t sum = 0;
    for (uint32_t& offset : network.offsets) offset = sum += offset;
    for (size_t e = 0; e < pairs; e++) {  // filled from the back: each offset ends at the start of its row
        network.targets[--network.offsets[a[e]]] = b[e];
        network.targets[--network.offsets[b[e]]] = a[e];
    }
    network.offsets[n] = static_cast<uint32_t>(2 * pairs);
    return network;
}

template <class Luck>
static double run(const Network& network, uint32_t n, int days, Random& random, Luck luck) {
    std::vector<uint64_t> susceptible(n / 64 + 1, ~0ull);
    std::vector<std::vector<uint32_t>> falls_ill(days + LATENT + 1), reached(days + 1);
    uint32_t by_day[INFECTIOUS + 1];  // the chance that a tie has infected by the k-th day, of 2^32
    for (int k = 0; k <= INFECTIOUS; k++) by_day[k] = uint32_t((1 - std::exp(-RATE * k)) * 4294967296.0);
    size_t ever = 0;
    auto infect = [&](uint32_t who, int day) {
        uint64_t bit = 1ull << (who & 63);
        if (!(susceptible[who >> 6] & bit)) return false;
        susceptible[who >> 6] ^= bit;
        falls_ill[day].push_back(who);
        return ++ever > 0;
    };
    for (uint32_t k = 0, seeds = uint32_t(SEEDED * n); k < seeds;) k += infect(random.below(n), 0);
    const uint32_t *offsets = network.offsets.data(), *targets = network.targets.data();
    for (int day = 0; day < days; day++) {
        const std::vector<uint32_t>& ill = falls_ill[day];
        size_t count = ill.size();
        for (size_t x = 0; x < count; x++) {
            if (x + 24 < count) __builtin_prefetch(&offsets[ill[x + 24]]);
            if (x + 12 < count) {
                __builtin_prefetch(&targets[offsets[ill[x + 12]]]);
                __builtin_prefetch(&targets[offsets[ill[x + 12] + 1]]);
            }
            for (uint32_t e = offsets[ill[x]], end = offsets[ill[x] + 1]; e < end; e++) {
                uint32_t who = targets[e], word = luck.tie(ill[x], who);
                if (word >= by_day[INFECTIOUS]) continue;
                if (!(susceptible[who >> 6] >> (who & 63) & 1)) continue;
                int after = 0;
                while (word >= by_day[after + 1]) after++;
                if (day + after < days) reached[day + after].push_back(who);
            }
        }
        for (uint32_t who : reached[day]) infect(who, day + 1 + LATENT <= days ? day + 1 + LATENT : days + LATENT);
        std::vector<uint32_t>().swap(reached[day]);
    }
    return double(ever) / n;
}

// Touches memory in a process that ends at once, as all peers do before their clocks start (peers/shared.py says why).
static void warm(uint32_t n) {
    if (fork() == 0) {
        size_t page = size_t(sysconf(_SC_PAGESIZE)), half = size_t(sysconf(_SC_AVPHYS_PAGES)) / 2 * page;
        size_t size = std::min((size_t(1) << 28) + 512 * size_t(n), half);
        char* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        for (size_t at = 0; memory != MAP_FAILED && at < size; at += page) memory[at] = 1;
        _exit(0);
    }
    wait(nullptr);
}

int main(int count, char** words) {
    if (count != 5) return std::fprintf(stderr, "event_engine keyed|sequence AGENTS DAYS SEED\n"), 2;
    bool keyed = std::strcmp(words[1], "keyed") == 0;
    uint32_t n = uint32_t(std::strtoul(words[2], nullptr, 10)), seed = uint32_t(std::atoi(words[4]));
    int days = std::atoi(words[3]);
    Random random{seed};
    warm(n);
    double begin = wall();
    Network network = random_network(n, random);
    double made = wall(), worked = processor();
    double attack = keyed ? run(network, n, days, random, Keyed{seed}) : run(network, n, days, random, Sequence{{seed + 0x5EEDull}});
    double end = wall(), done = processor();
    std::printf("{\"agents\": %u, \"setup_s\": %.4f, \"run_s\": %.4f, \"run_cpu_s\": %.4f, \"peak_mib\": %.0f, "
                "\"attack\": %.4f, \"version\": \"g++ %s\"}\n",
                n, made - begin, end - made, done - worked, peak_mib(), attack, __VERSION__);
}
