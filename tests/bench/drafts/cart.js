const TAX_RATES = { food: 0.07, book: 0.07, other: 0.19 };

// Returns the price of one line of the cart, with tax
function linePrice(item) {
  const rate = TAX_RATES[item.kind] ?? TAX_RATES.other;
  return item.price * item.amount * (1 + rate);
}

// Adds up all lines of the cart
function cartTotal(cart) {
  let sum = 0;
  for (const item of cart.items) {
    sum += linePrice(item);
  }
  return Math.round(sum * 100) / 100;
}

// Puts an item into the cart, or more of it where it is there already
function addItem(cart, name, price, amount, kind = "other") {
  if (amount <= 0) {
    throw new RangeError(`amount: above 0, found ${amount}`);
  }
  const known = cart.items.find((item) => item.name === name && item.price === price);
  if (known) {
    known.amount += amount;
  } else {
    cart.items.push({ name, price, amount, kind });
  }
  cart.changed = Date.now();
  return cartTotal(cart);
}

// Takes an item out of the cart
function removeItem(cart, name) {
  const before = cart.items.length;
  cart.items = cart.items.filter((item) => item.name !== name);
  if (cart.items.length < before) {
    cart.changed = Date.now();
  }
  return cartTotal(cart);
}

// Makes a text of the cart, one line for each item
function describeCart(cart) {
  const lines = cart.items.map((item) => `${item.amount} x ${item.name}: ${linePrice(item).toFixed(2)}`);
  lines.push(`total: ${cartTotal(cart).toFixed(2)}`);
  return lines.join("\n");
}

module.exports = { linePrice, cartTotal, addItem, removeItem, describeCart };
