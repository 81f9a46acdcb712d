document.getElementById("state").textContent = "Ready";
